# SPDX-License-Identifier: Apache-2.0
"""Pushes by somebody who means harm: refused with words, in bounded memory and time, without a trace."""
import gzip
import os
import re
import subprocess

import pytest

import hostile_packs as h
import rig

MEMORY_MAX_KB = 300 * 1024


class Receiver:
    def __init__(self, folder):
        self.repo = os.path.join(folder, "app.git")
        self.seconds = self.memory_kb = 0

    def push(self, body, *options):
        """Returns exit status, report and stderr."""
        argv = [rig.program("berth-git"), "receive", "--repo", self.repo, *options]
        with open(self.repo + ".body", "wb+") as f, open(self.repo + ".out", "wb+") as out, \
                open(self.repo + ".err", "wb+") as err:
            f.write(body)
            f.seek(0)
            child = subprocess.Popen(argv, stdin=f, stdout=out, stderr=err)
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
            # Processor time: the machine may be busy with other things.
            self.seconds, self.memory_kb = usage.ru_utime + usage.ru_stime, usage.ru_maxrss
            out.seek(0)
            err.seek(0)
            return child.returncode, out.read(), err.read().decode()

    def left(self):
        """Files of refused pushes: quarantines and packs."""
        found = []
        for sub in ("quarantine", "objects/pack", "refs/heads", "refs/berth"):
            for top, _, names in os.walk(os.path.join(self.repo, sub)):
                found += [os.path.join(top, n) for n in names]
        folder = os.path.join(self.repo, "quarantine")
        return found + (os.listdir(folder) if os.path.isdir(folder) else [])

    def refused(self, body, words, *options):
        status, out, err = self.push(body, *options)
        assert status == 0, (status, err)
        assert re.search(rb"ng refs/heads/main [^\n]*" + words.encode(), out), out
        assert b"ok refs" not in out
        assert self.memory_kb < MEMORY_MAX_KB, self.memory_kb
        assert self.left() == []

    def accepted(self, body, *options):
        status, out, err = self.push(body, *options)
        assert status == 0 and b"ok refs/heads/main" in out, (status, out, err)


@pytest.fixture
def receiver(tmp_path):
    return Receiver(tmp_path)


DOT_GIT = [b".git", b".GIT", b".Git", b"git~1", b"GIT~1", b".git ", b".git.", b".git . .", b".git:stream",
           b".git::$INDEX_ALLOCATION", b".git\\config", b".g\xe2\x80\x8cit", b"\xe2\x80\x8e.git", b".git\xef\xbb\xbf"]


@pytest.mark.parametrize("name", DOT_GIT)
def test_forms_of_dot_git(receiver, name):
    receiver.refused(h.of_dir(name), "is a form of '.git'")


def test_other_names(receiver):
    receiver.refused(h.of_dir(b".."), "is named '.' or '..'")
    receiver.refused(h.of_dir(b"."), "is named '.' or '..'")
    receiver.refused(h.of_entry(0o100644, b"../x"), "slash")
    receiver.refused(h.of_entry(0o100644, b"/etc/x"), "slash")
    receiver.refused(h.of_entry(0o100644, b""), "empty name")
    receiver.refused(h.of_entry(0o100644, b"n" * 256), "255 bytes")
    receiver.accepted(h.of_entry(0o100644, b"n" * 255))


def test_names_that_are_only_data(receiver):
    p = h.Pack()
    names = [b"new\nline", b"-rf", b"$(id)", b"<b>", b"\x1b[31m", b"\xff\xfe", b"git", b".gitignore", b"a.git"]
    tree = p.tree(*[(0o100644, n, p.blob(n)) for n in names])
    commit = p.commit(tree)
    receiver.accepted(h.push(commit, p.bytes()))
    to = receiver.repo + ".files"
    subprocess.run([rig.program("berth-git"), "checkout", "--repo", receiver.repo, "--commit", commit.hex(), "--to", to],
                   check=True)
    assert sorted(os.listdir(os.fsencode(to))) == sorted(names)


def test_a_refused_name_cannot_forge_a_report(receiver):
    status, out, _ = receiver.push(h.of_entry(0o120000, b"x\n0012ok refs/heads/main\n\x1b[2J", b"/etc/passwd"))
    assert status == 0 and b"\x1b" not in out and out.count(b"refs/heads/main") == 2
    assert b"'x?0012ok refs/heads/main?'" in out


LINKS_OUT = [(b"a", b"/etc/passwd"), (b"a", b"../a"), (b"d/a", b"../../x"), (b"a", b"d/../../x"), (b"d/a", b"x/../.."),
             (b"a", b""), (b"a", b"x" * 4096), (b"d/e/a", b"./.././../../x"), (b"a", b"x\0y")]


@pytest.mark.parametrize("path,target", LINKS_OUT)
def test_links_that_leave(receiver, path, target):
    receiver.refused(h.of_link(path, target), "'" + path.decode() + "' (is a symbolic link|has .* the limit)")


@pytest.mark.parametrize("path,target", [(b"a", b"b"), (b"d/a", b"../b"), (b"d/e/a", b".././/../b/c"), (b"a", b"...")])
def test_links_that_stay(receiver, path, target):
    receiver.accepted(h.of_link(path, target))


def test_a_link_and_a_folder_of_one_name(receiver):
    p = h.Pack()
    tree = p.tree((0o120000, b"a", p.blob(b"b")), (0o40000, b"a", p.tree((0o100644, b"x", p.blob()))))
    receiver.refused(h.push(p.commit(tree), p.bytes()), "'a' is there twice")


def test_submodules_lfs_and_strange_modes(receiver):
    receiver.refused(h.of_entry(0o160000, b"vendor/lib".replace(b"/", b"-")), "'vendor-lib' is a submodule")
    receiver.refused(h.of_entry(0o100777, b"x"), "neither file, folder nor link")
    p = h.Pack()
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 5\n"
    files = [(0o100644, b"logo.png", p.blob(pointer))]
    receiver.accepted(h.push(p.commit(p.tree(*files)), p.bytes(), old=h.ZERO))
    files.append((0o100644, b".gitattributes", p.blob(b"*.png filter=lfs diff=lfs\n")))
    _, out, _ = receiver.push(h.push(p.commit(p.tree(*files)), p.bytes(), ref=b"refs/heads/lfs"))
    assert b"ng refs/heads/lfs 'logo.png' is a Git LFS pointer" in out


def test_tree_bombs(receiver):
    receiver.refused(h.tree_bomb(10, 7), "more than 200000 files")
    receiver.refused(h.tree_bomb(10, 10), "more than 200000 files")
    assert receiver.seconds < 10
    receiver.refused(h.deep(2000), "nested too deeply|too long a path")
    receiver.accepted(h.deep(63))


def test_ten_million_entries(receiver):
    receiver.refused(h.flat_tree(10_000_000), "the limit is 32 MB")
    assert receiver.seconds < 2
    receiver.refused(h.flat_tree(200_001), "more than 200000 files")
    receiver.accepted(h.flat_tree(50_000))


def test_claims_of_size(receiver):
    commit, p = h.plain()
    body = p.bytes()[12:-20]
    for claim in (10 << 30, 1 << 40, (1 << 63) + 1, (100 << 20) + 1):
        q = h.Pack()
        q.raw(h.head(h.BLOB, claim) + h.zlib.compress(b"short"))
        receiver.refused(h.push(commit, q.bytes()), "(the limit is 100 MB|beyond belief)")
    q = h.Pack()
    q.raw(h.zeros_blob(200 << 20, claim=10))
    receiver.refused(h.push(commit, q.bytes()), "longer than it says")
    q = h.Pack()
    q.raw(h.head(h.BLOB, 10) + h.zlib.compress(b"short"))
    receiver.refused(h.push(commit, q.bytes()), "shorter than it says")
    receiver.refused(h.push(commit, b"PACK" + h.struct.pack(">II", 2, 0xFFFFFFFF) + body), "the limit is 1000000")
    receiver.refused(h.push(commit, b"PACK" + h.struct.pack(">II", 2, 1000000) + body), "ended early|damaged|unknown")


def test_the_limit_on_files_is_exact(receiver):
    for size, good in ((1 << 20, True), ((1 << 20) + 1, False)):
        p = h.Pack()
        body = h.push(p.commit(p.tree((0o100644, b"f", p.blob(bytes(size))))), p.bytes())
        status, out, _ = receiver.push(body, "--max-file-bytes", "1M")
        assert status == 0 and (b"ok refs" in out) is good, out


def test_pack_bombs(receiver):
    p = h.Pack()
    commit = p.commit(p.tree((0o100644, b"f", p.blob())))
    p.raw(h.zeros_blob(1 << 30))
    receiver.refused(h.push(commit, p.bytes()), "the limit is 100 MB")
    assert receiver.seconds < 5
    p = h.Pack()
    commit = p.commit(p.tree((0o100644, b"f", p.blob())))
    for n in range(12):
        p.raw(h.zeros_blob((99 << 20) + 8, tag=n))
    receiver.refused(h.push(commit, p.bytes()), "a small pack claims contents of")
    assert receiver.seconds < 30
    receiver.refused(h.delta_bomb(1000, 99), "a small pack claims contents of")
    assert receiver.seconds < 5
    receiver.refused(h.delta_bomb(1, 101), "the limit is 100 MB")


def test_deltas(receiver):
    receiver.refused(h.delta_chain(501), "chain of more than 500 deltas")
    receiver.accepted(h.delta_chain(500))


def test_bad_deltas(receiver):
    receiver.refused(h.base_offset(0), "base is not an object")
    receiver.refused(h.base_offset(1 << 40), "base is not an object")
    receiver.refused(h.base_offset(5), "base is not an object")
    receiver.refused(h.base_id(b"\x01" * 20), "missing delta bases")


@pytest.mark.limit(60)
def test_a_delta_that_sends_the_indexer_round_and_round(receiver):
    receiver.refused(h.same_object_by_delta(), "memory")


def test_missing_objects(receiver):
    for what in ("commit", "tree", "blob", "parent"):
        receiver.refused(h.missing(what), "the push lacks object")
    receiver.refused(h.history_with_a_hole(), "the push lacks object")


def test_objects_of_another_kind(receiver):
    p = h.Pack()
    blob = p.blob()
    receiver.refused(h.push(p.commit(blob), p.bytes()), "another kind")
    p = h.Pack()
    tree = p.tree((0o100644, b"f", p.blob()))
    receiver.refused(h.push(tree, p.bytes()), "is not a commit")
    p = h.Pack()
    tree = p.tree((0o40000, b"d", p.blob()))
    receiver.refused(h.push(p.commit(tree), p.bytes()), "another kind")
    p = h.Pack()
    tree = p.tree((0o100644, b"f", p.tree((0o100644, b"g", p.blob()))))
    receiver.refused(h.push(p.commit(tree), p.bytes()), "another kind")
    p = h.Pack()
    receiver.refused(h.push(p.commit(p.add(h.TREE, b"100644 broken")), p.bytes()), "malformed")
    p = h.Pack()
    receiver.refused(h.push(p.add(h.COMMIT, b"tree zzz\n"), p.bytes()), "malformed")


def test_damaged_packs(receiver):
    commit, p = h.plain()
    whole = p.bytes()
    receiver.refused(h.push(commit, p.bytes(checksum=False)), "trailer mismatch")
    receiver.refused(h.push(commit, p.bytes(tail=b"x")), "something follows its end")
    receiver.refused(h.push(commit, b"JUNK" + whole[4:]), "does not start with PACK")
    receiver.refused(h.push(commit, b""), "ended early")
    for cut in range(1, len(whole), 7):
        receiver.refused(h.push(commit, whole[:cut]), "ended early")
    for n in range(12, len(whole), 5):
        bad = bytearray(whole)
        bad[n] ^= 0x55
        receiver.refused(h.push(commit, bytes(bad)), "")
    receiver.refused(h.push(commit, os.urandom(1 << 20)), "does not start with PACK")
    receiver.accepted(h.push(commit, whole))


def test_too_large_a_pack(receiver):
    p = h.Pack()
    blob = p.blob(os.urandom(3 << 20))
    receiver.refused(h.push(p.commit(p.tree((0o100644, b"f", blob))), p.bytes()), "the limit is 1.0 MB",
                     "--max-pack-bytes", "1M")


@pytest.mark.parametrize("body", [b"", b"x", b"00", b"zzzz", b"0001", b"0003", b"fff1" + b"a" * 70000, b"\0" * 5000,
                                  h.pkt(b"hello"), h.pkt(h.ZERO + b" " + h.ZERO), h.pkt(b"shallow x"),
                                  h.pkt(b"push-cert x"), b"GET / HTTP/1.1\r\n\r\n", h.pkt(h.ZERO * 2 + b" refs/heads/a"),
                                  h.pkt(h.ZERO + b" " + b"A" * 40 + b" refs/heads/a")])
def test_what_is_not_the_protocol(receiver, body):
    status, out, err = receiver.push(body + b"0000" if len(body) > 4 else body)
    assert (status, out) == (2, b"") and len(err.splitlines()) == 1
    assert not os.path.exists(receiver.repo)


def test_more_commands_than_sense(receiver):
    line = h.ZERO + b" " + b"1" * 40 + b" refs/heads/x%d"
    status, _, err = receiver.push(b"".join(h.pkt(line % n) for n in range(65)) + b"0000")
    assert status == 2 and "more than 64 refs" in err


BAD_REFS = [b"refs/heads/../../x", b"refs/heads/a..b", b"refs/heads/.x", b"refs/heads/x.lock", b"refs/heads/a b",
            b"refs/heads/$(id)", b"refs/heads/-x", b"refs/heads/", b"refs/heads/x/", b"refs/heads//x", b"refs/heads/a\x1b",
            b"refs/heads/\xff", b"HEAD", b"refs/stash", b"config", b"refs/berth/releases/1", b"refs/berth/push/x",
            b"refs/berth/push/" + b"1" * 40, b"refs/heads/a~1", b"refs/heads/a^", b"refs/heads/a:b", b"refs/notes/x"]


@pytest.mark.parametrize("ref", BAD_REFS)
def test_refs_that_are_not_taken(receiver, ref):
    commit, p = h.plain()
    status, out, _ = receiver.push(h.push(commit, p.bytes(), ref=ref))
    assert status == 0 and b"ng " in out and b"ok refs" not in out, out
    assert receiver.left() == []


def test_deletes_and_two_branches_are_refused(receiver):
    commit, p = h.plain()
    receiver.accepted(h.push(commit, p.bytes()))
    line = h.pkt(commit.hex().encode() + b" " + h.ZERO + b" refs/heads/main\0 report-status side-band-64k")
    _, out, _ = receiver.push(line + b"0000")
    assert b"ng refs/heads/main refs are not deleted by a push" in out
    two = h.pkt(h.ZERO + b" " + commit.hex().encode() + b" refs/heads/a\0 report-status") + \
        h.pkt(h.ZERO + b" " + commit.hex().encode() + b" refs/heads/b") + b"0000" + h.Pack().bytes()
    _, out, _ = receiver.push(two)
    assert b"ok refs/heads/a" in out and b"ng refs/heads/b one branch at a time" in out


def test_gzip(receiver):
    commit, p = h.plain()
    body = h.push(commit, p.bytes())
    assert receiver.push(body, "--gzip")[0] == 2
    receiver.refused(h.gzipped_zeros(h.push(commit, b""), 1 << 30), "does not start with PACK", "--gzip")
    receiver.refused(gzip.compress(body)[:-20], "", "--gzip")
    receiver.accepted(gzip.compress(body), "--gzip")


def test_stale_quarantines_go(receiver):
    stale = os.path.join(receiver.repo, "quarantine", "push-abcdef", "pack")
    receiver.accepted(h.good())
    os.makedirs(stale)
    os.utime(os.path.dirname(stale), (1, 1))
    commit, p = h.plain()
    receiver.push(h.push(commit, p.bytes(), ref=b"refs/heads/next"))
    assert os.listdir(os.path.join(receiver.repo, "quarantine")) == []
