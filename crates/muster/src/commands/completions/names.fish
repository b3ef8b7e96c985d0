
# Names come from the registry; what isn't a name is completed from the commands and flags.
function __muster_find_names
    set -l line (commandline -opc)
    set -l program $line[1]
    set -e line[1]
    set -l current (commandline -ct)
    command -q -- $program; or set program muster
    set -g __muster_names ($program complete-names -- $line "$current" 2>/dev/null)
    test (count $__muster_names) -gt 0
end
function __muster_values
    __muster_find_names; and printf '%s\n' $__muster_names | string replace -r -- '^--[^=]*=' ''
end
complete -c muster -n __muster_find_names -f -a '$__muster_names'
