#!/usr/bin/busybox sh
# The guest's first process: makes a small system, runs the plan, says how each part ended, and switches off.
#
# Lines that begin with "guest: " are read by `cargo xtask guest-test`.

export PATH=/usr/sbin:/usr/bin HOME=/root LANG=C.UTF-8

if [ "$1" != second ]; then
    # bubblewrap changes its root by pivot_root(2), which Linux refuses on the file system that it starts from.
    busybox mount -t tmpfs -o mode=755,size=75% tmpfs /new
    for part in /*; do
        [ "$part" = /new ] || [ "$part" = /dev ] || busybox cp -a "$part" /new/
    done
    busybox mkdir -p /new/dev
    exec busybox switch_root /new /init second
fi

busybox mount -t devtmpfs devtmpfs /dev
busybox mkdir -p /dev/pts /dev/shm /proc /sys /run /tmp /root
busybox mount -t devpts -o mode=620,ptmxmode=666 devpts /dev/pts
busybox mount -t tmpfs tmpfs /dev/shm
busybox mount -t proc proc /proc
busybox mount -t sysfs sysfs /sys
busybox mount -t cgroup2 cgroup2 /sys/fs/cgroup
busybox chmod 1777 /tmp /dev/shm
busybox ln -sf /proc/self/fd /dev/fd
busybox ip link set lo up
exec </dev/null >/dev/console 2>&1

CONTROLLERS="+memory +pids +cpu"
echo "$CONTROLLERS" >/sys/fs/cgroup/cgroup.subtree_control
echo "guest: Linux $(busybox uname -r) with $(busybox cat /sys/fs/cgroup/cgroup.controllers)"

# As systemd does for a service with Delegate=yes and User=.
delegate() {
    for file in . cgroup.procs cgroup.threads cgroup.subtree_control; do
        busybox chown "$1:$1" "$2/$file"
    done
}

part() {
    label=$1 user=$2 secs=$3
    shift 3
    group=/sys/fs/cgroup/$label
    busybox mkdir -p "$group/runner" "/tmp/$label"
    echo "$CONTROLLERS" >"$group/cgroup.subtree_control"
    delegate "$user" "$group"
    delegate "$user" "$group/runner"
    busybox chown "$user:$user" "/tmp/$label"
    echo "guest: begin $label"
    # The words after the script are its $0 and arguments.
    AETHER_TEST_CGROUP=$group TMPDIR=/tmp/$label busybox timeout -k 10 "$secs" busybox sh -c '
        echo $$ >"$AETHER_TEST_CGROUP/runner/cgroup.procs" || exit 125
        user=$0
        exec /usr/bin/setpriv --reuid "$user" --regid "$user" --clear-groups "$@"
    ' "$user" "$@" </dev/null
    echo "guest: end $label $?"
}

while read -r line; do
    # Words are separated by blanks; none of them needs quotes.
    # shellcheck disable=SC2086
    part $line
done </plan

echo "guest: all done"
busybox sync
exec busybox reboot -f
