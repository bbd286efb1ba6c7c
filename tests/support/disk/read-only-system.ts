import { spawnSync } from 'node:child_process'

/**
 * The beginning of a command line whose program sees every directory for temporary files, and its own working directory,
 * as read-only, like in a container with `--read-only` or a systemd unit with `ProtectSystem=strict`. Other mounts, even
 * below these directories, stay writable. The program gets the process id of the command.
 */
export const IN_READ_ONLY_SYSTEM = [
  'unshare',
  '--map-root-user',
  '--mount',
  'sh',
  '-ec',
  `for directory in /tmp /var/tmp /usr/tmp "$PWD"; do
     [ ! -d "$directory" ] || { mount --rbind "$directory" "$directory"; mount -o remount,bind,ro "$directory"; }
   done
   # Only a directory that is entered again is the read-only one.
   cd "$PWD"
   exec "$@"`,
  'sh',
]

const [command = '', ...args] = IN_READ_ONLY_SYSTEM
export const hasReadOnlySystem = spawnSync(command, [...args, 'true']).status === 0
