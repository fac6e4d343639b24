#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# boot.sh FOLDER NAME: the first process of a throwaway host, started by host.py inside new mount, pid, UTS,
# IPC and cgroup namespaces. Builds the host's root on an overlay of this machine's and becomes systemd.
set -euo pipefail
folder=$1 name=$2 root=$1/root

mount --make-rprivate /
mount -t overlay overlay -o "lowerdir=/,upperdir=$folder/upper,workdir=$folder/work" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
for at in run:755 dev:755 tmp:1777; do
  mount -t tmpfs -o "mode=${at#*:}" tmpfs "$root/${at%:*}"
done

# Devices: the harmless ones, by binding; a terminal multiplexer and shared memory of its own.
for device in null zero full random urandom tty; do
  touch "$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$root/dev/pts"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
for i in 0:stdin 1:stdout 2:stderr; do ln -s "/proc/self/fd/${i%:*}" "$root/dev/${i#*:}"; done

# Control groups: the namespace makes the host's own folder the root of each hierarchy.
if [[ -e /sys/fs/cgroup/cgroup.controllers ]]; then
  mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
else
  mount -t tmpfs -o mode=755 tmpfs "$root/sys/fs/cgroup"
  for controller in memory cpu cpuacct pids freezer; do
    [[ -d /sys/fs/cgroup/$controller ]] || continue
    mkdir "$root/sys/fs/cgroup/$controller"
    mount -t cgroup -o "$controller" cgroup "$root/sys/fs/cgroup/$controller"
  done
  mkdir "$root/sys/fs/cgroup/systemd"
  mount -t cgroup -o none,name=systemd cgroup "$root/sys/fs/cgroup/systemd"
  if [[ -d /sys/fs/cgroup/unified ]]; then
    mkdir "$root/sys/fs/cgroup/unified"
    mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup/unified"
  fi
fi

if [[ ! -s $folder/upper/etc/machine-id ]]; then
  rm -f "$root/etc/machine-id"
  systemd-id128 new >"$root/etc/machine-id"
fi
rm -f "$root/usr/sbin/policy-rc.d" # of container images: packages must start what they bring
echo "$name" >"$root/etc/hostname"
hostname "$name"
[[ -e $folder/online ]] || ip link set lo up
cd "$root"
mkdir -p .outside
pivot_root . .outside
umount -l /.outside
# On a real machine systemd shares its mounts with units; in what it takes for a container it leaves
# that to whoever made it. Credentials depend on it.
mount --make-rshared /
exec env -i container=throwaway PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
  /lib/systemd/systemd --system --show-status=no --log-target=journal
