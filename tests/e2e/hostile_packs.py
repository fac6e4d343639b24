# SPDX-License-Identifier: Apache-2.0
"""Makes packs and pushes that git itself would never send."""
import hashlib
import struct
import zlib

COMMIT, TREE, BLOB, TAG, OFS, REF = 1, 2, 3, 4, 6, 7
NAMES = {COMMIT: b"commit", TREE: b"tree", BLOB: b"blob", TAG: b"tag"}
ZERO = b"0" * 40


def object_id(kind, data):
    return hashlib.sha1(NAMES[kind] + b" %d\0" % len(data) + data).digest()


def head(kind, size):
    byte, size = kind << 4 | size & 15, size >> 4
    out = bytearray()
    while size:
        out.append(byte | 0x80)
        byte, size = size & 0x7F, size >> 7
    out.append(byte)
    return bytes(out)


def varint(n):
    out = bytearray()
    while n > 0x7F:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def distance(n):
    out = bytearray([n & 0x7F])
    n >>= 7
    while n:
        n -= 1
        out.insert(0, n & 0x7F | 0x80)
        n >>= 7
    return bytes(out)


def delta(base_size, result_size, *ops):
    return varint(base_size) + varint(result_size) + b"".join(ops)


def copy(offset, size):
    return struct.pack("<BIBBB", 0xFF, offset, size & 255, size >> 8 & 255, size >> 16)


def insert(data):
    return bytes([len(data)]) + data


class Pack:
    def __init__(self):
        self.body, self.count, self.ids = bytearray(), 0, {}

    def raw(self, data):
        self.count += 1
        at = 12 + len(self.body)
        self.body += data
        return at

    def add(self, kind, data, claim=None):
        self.raw(head(kind, len(data) if claim is None else claim) + zlib.compress(data, 9))
        self.ids[self.count] = object_id(kind, data)
        return object_id(kind, data)

    def blob(self, data=b"x\n"):
        return self.add(BLOB, data)

    def tree(self, *entries, sort=True):
        """Entries: (mode, name, id)."""
        entries = sorted(entries, key=lambda e: e[1] + (b"/" if e[0] == 0o40000 else b"")) if sort else entries
        return self.add(TREE, b"".join(b"%o %s\0%s" % e for e in entries))

    def commit(self, tree, *parents):
        text = b"tree %s\n" % tree.hex().encode()
        text += b"".join(b"parent %s\n" % p.hex().encode() for p in parents)
        text += b"author A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n\nm\n"
        return self.add(COMMIT, text)

    def bytes(self, count=None, checksum=True, tail=b""):
        data = b"PACK" + struct.pack(">II", 2, self.count if count is None else count) + bytes(self.body)
        return data + (hashlib.sha1(data).digest() if checksum else b"\0" * 20) + tail


def pkt(data):
    return b"%04x" % (len(data) + 4) + data


def push(commit, pack, ref=b"refs/heads/main", old=ZERO, caps=b"report-status side-band-64k", shallow=()):
    lines = b"".join(pkt(b"shallow " + s) for s in shallow)
    new = commit.hex().encode() if isinstance(commit, bytes) and len(commit) == 20 else commit
    return lines + pkt(old + b" " + new + b" " + ref + b"\0 " + caps) + b"0000" + pack


def of_entry(mode, name, target=b"x\n"):
    p = Pack()
    return push(p.commit(p.tree((mode, name, p.blob(target)), (0o100644, b"zz", p.blob(b"zz\n")))), p.bytes())


def of_dir(name):
    p = Pack()
    return push(p.commit(p.tree((0o40000, name, p.tree((0o100644, b"config", p.blob()))))), p.bytes())


def of_link(path, target):
    p = Pack()
    names = path.split(b"/")
    node = (0o120000, names[-1], p.blob(target))
    for name in reversed(names[:-1]):
        node = (0o40000, name, p.tree(node))
    return push(p.commit(p.tree(node)), p.bytes())


def tree_bomb(width, depth):
    p = Pack()
    node = (0o100644, p.blob())
    for _ in range(depth):
        node = (0o40000, p.tree(*[(node[0], b"f%d" % i, node[1]) for i in range(width)]))
    return push(p.commit(node[1]), p.bytes())


def deep(levels):
    p = Pack()
    node = p.tree((0o100644, b"f", p.blob()))
    for _ in range(levels):
        node = p.tree((0o40000, b"d", node))
    return push(p.commit(node), p.bytes())


def zeros_blob(size, claim=None, tag=0):
    """A blob of zeros with a number at its end, made without holding it."""
    z = zlib.compressobj(9)
    out = [head(BLOB, size if claim is None else claim)]
    block = bytes(1 << 20)
    for _ in range(size >> 20):
        out.append(z.compress(block))
    out.append(z.compress(bytes(size & 0xFFFFF)[8:] + b"%08d" % tag if size & 0xFFFFF else b""))
    out.append(z.flush())
    return b"".join(out)


def gzipped_zeros(start, size):
    """The start, then zeros, compressed without holding them."""
    z = zlib.compressobj(9, zlib.DEFLATED, 31)
    out = [z.compress(start)] + [z.compress(bytes(1 << 20)) for _ in range(size >> 20)]
    return b"".join(out) + z.flush()


def delta_bomb(count, result_mb):
    """Deltas of a few hundred bytes that each make result_mb megabytes of one small blob."""
    p = Pack()
    base = bytes(1 << 20)
    at = p.raw(head(BLOB, len(base)) + zlib.compress(base, 9))
    tree = p.tree((0o100644, b"f", object_id(BLOB, base)))
    commit = p.commit(tree)
    for n in range(count):
        ops = [copy(0, 1 << 20)] * result_mb + [insert(b"%08d" % n)]
        d = delta(1 << 20, (result_mb << 20) + 8, *ops)
        here = 12 + len(p.body)
        p.raw(head(OFS, len(d)) + distance(here - at) + zlib.compress(d, 9))
    return push(commit, p.bytes())


def delta_chain(length):
    p = Pack()
    data = b"start".ljust(64, b".")
    tree = p.tree((0o100644, b"f", object_id(BLOB, data)))
    commit = p.commit(tree)
    at = p.raw(head(BLOB, len(data)) + zlib.compress(data))
    for n in range(length):
        d = delta(64, 64, copy(0, 56), insert(b"%08d" % n))
        here = 12 + len(p.body)
        p.raw(head(OFS, len(d)) + distance(here - at) + zlib.compress(d))
        at = here
    return push(commit, p.bytes())


def base_offset(far):
    p = Pack()
    commit = p.commit(p.tree((0o100644, b"f", p.blob())))
    d = delta(2, 2, copy(0, 2))
    p.raw(head(OFS, len(d)) + distance(far) + zlib.compress(d))
    return push(commit, p.bytes())


def base_id(ident):
    p = Pack()
    commit = p.commit(p.tree((0o100644, b"f", p.blob())))
    d = delta(2, 2, copy(0, 2))
    p.raw(head(REF, len(d)) + ident + zlib.compress(d))
    return push(commit, p.bytes())


def same_object_by_delta():
    """A delta that makes an object which is in the pack already."""
    p = Pack()
    blob = p.blob(b"x\n")
    commit = p.commit(p.tree((0o100644, b"f", blob)))
    d = delta(2, 2, copy(0, 2))
    p.raw(head(REF, len(d)) + blob + zlib.compress(d))
    return push(commit, p.bytes())


def missing(what):
    p = Pack()
    blob = p.blob() if what != "blob" else object_id(BLOB, b"nowhere")
    tree = p.tree((0o100644, b"f", blob)) if what != "tree" else object_id(TREE, b"")
    parents = [object_id(COMMIT, b"nowhere")] if what == "parent" else []
    if what == "commit":
        return push(object_id(COMMIT, b"nowhere"), p.bytes())
    return push(p.commit(tree, *parents), p.bytes())


def history_with_a_hole():
    """The tip is whole; an older commit's tree is not there."""
    p = Pack()
    old = p.commit(object_id(TREE, b"nowhere"))
    return push(p.commit(p.tree((0o100644, b"f", p.blob())), old), p.bytes())


def good(*extra):
    p = Pack()
    return push(p.commit(p.tree((0o100644, b"f", p.blob()), *extra)), p.bytes())


def plain():
    p = Pack()
    return p.commit(p.tree((0o100644, b"f", p.blob()))), p


def flat_tree(entries):
    """One folder with that many entries, for whose blob one id serves."""
    p = Pack()
    blob = p.blob()
    z = zlib.compressobj(1)
    digest = hashlib.sha1()
    size = sum(len(b"100644 %08d\0" % 0) + 20 for _ in range(1)) * entries
    digest.update(b"tree %d\0" % size)
    out = [head(TREE, size)]
    for start in range(0, entries, 100000):
        chunk = b"".join(b"100644 %08d\0%s" % (n, blob) for n in range(start, min(start + 100000, entries)))
        digest.update(chunk)
        out.append(z.compress(chunk))
    out.append(z.flush())
    p.raw(b"".join(out))
    return push(p.commit(digest.digest()), p.bytes())
