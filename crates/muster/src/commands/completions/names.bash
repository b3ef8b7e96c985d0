# Names come from the registry; what isn't a name is completed from the commands and flags.
_muster_or_names() {
    local program=${COMP_WORDS[0]/#\~/$HOME} found name
    type -P -- "$program" >/dev/null 2>&1 || program=muster
    found=$("$program" complete-names -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
    if [[ -z $found ]]; then
        _muster "$@"
        return
    fi
    COMPREPLY=()
    while IFS= read -r name; do
        # Bash completes what is behind = as a word of its own.
        case ${COMP_WORDS[COMP_CWORD]},${COMP_WORDS[COMP_CWORD - 1]} in
        =,* | *,=) name=${name#*=} ;;
        esac
        COMPREPLY+=("$name")
    done <<<"$found"
    # More can follow a slash.
    if [[ ${COMPREPLY[0]} == */ ]]; then
        compopt -o nospace 2>/dev/null
    fi
}

