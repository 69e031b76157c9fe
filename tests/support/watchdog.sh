# Runs a server for a test process, and ends it when that process ends.
#
# Standard input is a pipe whose other end the test process alone holds: it closes when the process
# closes it, exits, panics or is killed, and that is the sign to stop.
#
# In the environment: FOLDER, to be made and removed; OWNER, whom it is to belong to, if anyone;
# PREPARE and SERVE, what to run there before the server and as the server; SIGNAL, what ends the
# server. Left in FOLDER: `pid`, `exited` once the server has ended, and its words in `log`.
set -u
umask 077
# The kernel hangs up a process group that is left without a parent while one of it is frozen.
trap '' HUP
exec 3<&0 </dev/null

mkdir "$FOLDER" && cd "$FOLDER" || exit 1
[ -z "$OWNER" ] || chown "$OWNER" . || exit 1
# What a server leaves in a shared folder for temporary files, another of its kind clears away.
export HOME="$FOLDER" TMPDIR="$FOLDER"

if eval "$PREPARE" >>log 2>&1 3<&-; then
    eval "exec $SERVE" >>log 2>&1 3<&- &
    server=$!
    (
        cat <&3 >/dev/null
        # A server that has ended may have left its process id to a stranger; one that has only begun
        # may miss a signal; a frozen one must be woken to receive it.
        tries=0
        until [ -e exited ] || [ $tries -gt 300 ]; do
            kill -s "$SIGNAL" $server
            kill -s CONT $server
            tries=$((tries + 1))
            sleep 0.1
        done
        [ -e exited ] || kill -s KILL $server
    ) 2>/dev/null &
    echo $server >pid.new && mv pid.new pid
    wait $server
    touch exited || exit 1
    wait
else
    touch exited || exit 1
    cat <&3 >/dev/null
fi

cd / && rm -rf "$FOLDER"
