#!/bin/sh
# Runs a service, and cloudwatch_metrics_agent beside it, in one container:
#
#     ENTRYPOINT ["tini", "-g", "--", "/entrypoint.sh"]
#     CMD ["my-service", "--option"]
#
# With dumb-init in place of tini -g it is the same, and with no init at all.
#
# The main command runs as if it were alone: its input, output, signals and exit code are its own,
# and no trouble of the agent changes them. When it ends, the agent delivers the last window, and
# then the container ends, with the command's exit code.
#
# The agent takes its options from variables such as CLOUDWATCH_METRICS_AGENT_NAMESPACE. Any POSIX
# sh will do, that of busybox too; besides it takes setsid, which is in util-linux and in busybox.

agent=cloudwatch_metrics_agent

# So many seconds after SIGTERM the agent delivers its last window, even if the command still runs.
# Otherwise a command that does not end would take the window with it when it is killed: docker stop
# kills after 10 s, ECS and Kubernetes after 30 s. What comes after these seconds is not measured,
# so for a command that takes long to end they should be more: as many as there are before it is
# killed, less the agent's --shutdown-timeout of 8 s. If the image has a STOPSIGNAL that is not
# SIGTERM, name it here.
patience=${ENTRYPOINT_PATIENCE:-2}
stop_signal=TERM

[ $# -gt 0 ] || { echo "usage: $0 COMMAND [ARGUMENT]..." >&2; exit 2; }
command -v setsid > /dev/null || { echo "$0: without setsid there is no agent" >&2; exec "$@"; }

# sh starts background commands with SIGINT and SIGQUIT ignored. GNU's env undoes that.
undo=
if env --default-signal=INT,QUIT true 2> /dev/null; then undo="env --default-signal=INT,QUIT"; fi

# The command and the agent get sessions of their own, and signals only from here. tini -g and
# dumb-init signal the whole process group: there the agent would end before the command does, and
# what came after it would not be measured. The command would get every signal twice.
#
# Both are started before there are traps. A process that has just been forked has those of its
# parent, and would lose a signal to them.
setsid "$agent" &
agent_id=$!
# The input of a background command is /dev/null unless it is told otherwise.
exec 3<&0
# shellcheck disable=SC2086 # several words, or none
setsid $undo "$@" <&3 3<&- &
main=$!
exec 3<&-

# pass_on SIGNAL. Another signal may come in between, after which $? is not what it was: so nothing
# here depends on it, and there is no && and no ||.
pass_on() {
  # A command without a handler of its own ends by SIGTERM where env could not undo the above. The
  # last digit stands for the signals 1 to 4.
  case $1:$(grep "^SigIgn:" "/proc/$main/status" 2> /dev/null) in
    INT:*[2367abef] | QUIT:*[4567cdef]) set -- TERM ;;
  esac
  # To all processes of the command, as those inits do. In its first moment it has no group yet.
  case $(kill -s 0 -- "-$main" 2>&1) in
    "") kill -s "$1" -- "-$main" 2> /dev/null ;;
    *) kill -s "$1" "$main" 2> /dev/null ;;
  esac
  # shellcheck disable=SC2086 # several words
  case $1 in
    # The subshell is in the group that is signalled, and must outlast that.
    "$stop_signal") (trap '' $signals; sleep "$patience"; kill -s ALRM $$ 2> /dev/null) & ;;
  esac
}

signals="HUP INT QUIT USR1 USR2 TERM WINCH"
for signal in $signals; do
  # shellcheck disable=SC2064 # expanded now
  trap "pass_on $signal" "$signal"
done
agent_stopped=
trap 'trap "" ALRM; agent_stopped=yes; kill -s TERM "$agent_id" 2> /dev/null' ALRM

# A signal cuts `wait` short.
until
  wait "$main"
  code=$?
  [ $code -eq 127 ] || ! kill -s 0 "$main" 2> /dev/null
do :; done
# bash may have noticed the end outside of `wait`; other shells know the process no more.
wait "$main" 2> /dev/null
again=$?
[ $again -eq 127 ] || code=$again

# Nobody is left to pass a signal on to, and the agent ends by itself within its --shutdown-timeout.
# shellcheck disable=SC2086 # several words
trap '' $signals ALRM
[ -n "$agent_stopped" ] || kill -s TERM "$agent_id" 2> /dev/null
wait "$agent_id"
exit "$code"
