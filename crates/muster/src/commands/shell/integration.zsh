# Muster in this shell: functions that register, find and propagate entities. To have them:
#
#   source <(muster shell zsh)
#
# They run the program that printed them, or the one that MUSTER_PROGRAM names, with the same settings
# and variables (MUSTER_SERVER, MUSTER_API_KEY). Flags of the program may follow each function's own
# arguments. A failure leaves the program's message and exit code.

_muster_program='@PROGRAM@'

_muster_run() {
    emulate -L zsh
    "${MUSTER_PROGRAM:-$_muster_program}" "$@"
}

# Says how a function is used, where it was given too few arguments.
_muster_needs() {
    emulate -L zsh
    local needed=$1 given=$2 usage=$3
    (( given >= needed )) && return 0
    printf 'error: an argument is missing\nhelp: %s\n' "$usage" >&2
    return 2
}

# register_entity NAME CLASS JSON
register_entity() {
    emulate -L zsh
    _muster_needs 3 $# "register_entity NAME CLASS JSON" || return
    printf '%s' "$3" | _muster_run entities register "${@:4}" -- "$1" "$2" -
}

# query_entities_by_classification CLASS
query_entities_by_classification() {
    emulate -L zsh
    _muster_needs 1 $# "query_entities_by_classification CLASS" || return
    _muster_run entities query --classification="$1" "${@:2}"
}

# registry_propagation_unidirectional SOURCE TARGET PAYLOAD
registry_propagation_unidirectional() {
    emulate -L zsh
    _muster_needs 3 $# "registry_propagation_unidirectional SOURCE TARGET PAYLOAD" || return
    printf '%s' "$3" | _muster_run propagation unidirectional --source="$1" --target="$2" --payload=- --yes "${@:4}"
}

# registry_propagation_bidirectional SOURCE TARGET PAYLOAD
registry_propagation_bidirectional() {
    emulate -L zsh
    _muster_needs 3 $# "registry_propagation_bidirectional SOURCE TARGET PAYLOAD" || return
    printf '%s' "$3" | _muster_run propagation bidirectional --source="$1" --target="$2" --payload=- --yes "${@:4}"
}

# registry_propagation_multicast SOURCE "TARGET,TARGET" PAYLOAD
registry_propagation_multicast() {
    emulate -L zsh
    _muster_needs 3 $# 'registry_propagation_multicast SOURCE "TARGET,TARGET" PAYLOAD' || return
    printf '%s' "$3" | _muster_run propagation multicast --source="$1" --targets="$2" --payload=- --yes "${@:4}"
}

# registry_propagation_broadcast SOURCE EXCLUDE PAYLOAD, where EXCLUDE may be empty
registry_propagation_broadcast() {
    emulate -L zsh
    _muster_needs 3 $# "registry_propagation_broadcast SOURCE EXCLUDE PAYLOAD" || return
    if [[ -n $2 ]]; then
        printf '%s' "$3" | _muster_run propagation broadcast --source="$1" --exclude="$2" --payload=- --yes "${@:4}"
    else
        printf '%s' "$3" | _muster_run propagation broadcast --source="$1" --payload=- --yes "${@:4}"
    fi
}

# universal_registry_with_propagation_init [FLAGS OF muster serve]
#
# Starts a server in the background if none answers, and shows the registry and its targets.
universal_registry_with_propagation_init() {
    emulate -L zsh
    local folder=${XDG_STATE_HOME:-$HOME/.local/state}/muster process waited=0 said argument before=
    # Where the server is to listen is where these functions find it.
    for argument in "$@"; do
        if [[ -z ${MUSTER_SERVER-} && $before == --listen ]]; then
            export MUSTER_SERVER=http://$argument
        elif [[ -z ${MUSTER_SERVER-} && $argument == --listen=* ]]; then
            export MUSTER_SERVER=http://${argument#--listen=}
        fi
        before=$argument
    done
    if ! said=$(_muster_run status --output json 2>&1); then
        if [[ $said != *no_server* ]]; then
            _muster_run status
            return
        fi
        mkdir -p "$folder" || return
        nohup "${MUSTER_PROGRAM:-$_muster_program}" serve "$@" >|"$folder/server.log" 2>&1 </dev/null &!
        process=$!
        until _muster_run status >/dev/null 2>&1; do
            if ! kill -0 "$process" 2>/dev/null || (( waited++ >= 100 )); then
                kill "$process" 2>/dev/null
                cat "$folder/server.log" >&2
                printf 'error: no server answers\nhelp: %s says why\n' "$folder/server.log" >&2
                return 1
            fi
            sleep 0.1
        done
        printf 'a server is running now (process %s); its log is %s\n' "$process" "$folder/server.log" >&2
    fi
    _muster_run status && _muster_run propagation status
}

# Completes the arguments of these functions from the registry.
_muster_complete_function() {
    local -a line found open whole
    case $words[1],$((CURRENT - 1)) in
    query_entities_by_classification,1) line=(entities query --classification) ;;
    register_entity,1) line=(entities register) ;;
    register_entity,2) line=(entities register x) ;;
    registry_propagation_*,1) line=(get) ;;
    registry_propagation_broadcast,2) line=(propagation broadcast --exclude) ;;
    registry_propagation_*,2) line=(propagation multicast --targets) ;;
    *) return 1 ;;
    esac
    found=(${(f)"$(_muster_run complete-names -- $line "${(Q)PREFIX}" 2>/dev/null)"})
    open=(${(M)found:#*/}) whole=(${found:#*/})
    (( $#open )) && compadd -S '' -- "${open[@]}"
    (( $#whole )) && compadd -- "${whole[@]}"
    (( $#found ))
}
if (( $+functions[compdef] )); then
    compdef _muster_complete_function register_entity query_entities_by_classification \
        registry_propagation_unidirectional registry_propagation_bidirectional \
        registry_propagation_multicast registry_propagation_broadcast
fi
