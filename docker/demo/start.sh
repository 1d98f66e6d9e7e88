#!/bin/sh
# Starts the agent of the demo with the service as its command, and says what to open and to type. For ../compose.yaml
# and scripts/demo.sh, which set DEMO_PAGE, DEMO_AGENT and the address of the API.
set -eu
folder=$(dirname "$0")
# Who has the token may change what the agent does, so each start makes a new one.
token=$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n')
(umask 077 && echo "write $token" > "$CLOUDWATCH_METRICS_AGENT_API_TOKEN_FILE")

cat << WELCOME

  The page    $DEMO_PAGE
              It asks for a token: $token
  Or type     $DEMO_AGENT top
              $DEMO_AGENT ctl checks
              $DEMO_AGENT ctl alarms
              $DEMO_AGENT ctl thresholds
              $DEMO_AGENT ctl events --follow
              $DEMO_AGENT query utilization/cpu
  To see      The service is idle for ${DEMO_TURN:-25} s and overloaded for ${DEMO_TURN:-25} s, in turns: the alarms "overloaded" and
              "busy" become CRITICAL, and OK again. The threshold "much-cpu" is WARNING while CPU is above 80 % of the
              container's limit, or of this machine; "nearly-full" is FAILURE at a disk above 99 %.
              What arrives at the local CloudWatch is printed every 10 s.
  To end      Ctrl-C

WELCOME
exec "${DEMO_BINARY:-cloudwatch_metrics_agent}" --config "$folder/agent.yaml" -- sh "$folder/service.sh"
