# Names come from the registry; what isn't a name is completed from the commands and flags.
_muster() {
    local program=${words[1]/#\~/$HOME}
    (( $+commands[$program] )) || [[ -x $program && $program == */* ]] || program=muster
    local -a before names
    (( CURRENT > 2 )) && before=("${(@Q)words[2,CURRENT-1]}")
    names=(${(f)"$("$program" complete-names -- "${before[@]}" "${(Q)PREFIX}" 2>/dev/null)"})
    if (( ! $#names )); then
        _muster_words "$@"
        return
    fi
    # More can follow a slash.
    local -a open=(${(M)names:#*/}) whole=(${names:#*/})
    local result=1
    (( $#open )) && compadd -S '' -- "${open[@]}" && result=0
    (( $#whole )) && compadd -- "${whole[@]}" && result=0
    return $result
}

if [ "$funcstack[1]" = "_muster" ]; then
    _muster "$@"
else
    compdef _muster muster
fi
