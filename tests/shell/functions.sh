# Run by zsh and by bash: sources the functions, uses each, and says how many checks passed.
#
#   PEER=URL FOLDER=DIR SHELL functions.sh FILE

checks=0
fail() {
    printf 'failed: %s\n' "$1" >&2
    exit 1
}
# Whether a text has another one in it, letter by letter.
has() { # TEXT PART WHAT
    case $1 in
    *"$2"*) checks=$((checks + 1)) ;;
    *) fail "$3: $1" ;;
    esac
}
is() { # TEXT EXPECTED WHAT
    [ "$1" = "$2" ] || fail "$3: $1 isn't $2"
    checks=$((checks + 1))
}

# Options that change how words are read don't change the functions.
if [ -n "${ZSH_VERSION-}" ]; then
    setopt sh_word_split glob_subst ksh_arrays no_unset
else
    set -u
    IFS=/
fi
. "./$1"
program=$_muster_program
get() { "$program" get "$1" --server "${2:-$MUSTER_SERVER}"; }

# ---- Registering and finding.

hard='{"says": "it'\''s \"$HOME\" `id` \\ $(id) * é", "n": 1.10}'
has "$(register_entity payments AppService "$hard")" "entities/AppService/entries/payments  version 1" register
is "$(get entities/AppService/entries/payments)" "$hard" "what was registered"
has "$(register_entity payments app-services "$hard")" "unchanged" "the same again"
register_entity planner agents '{}' --message 'first one' >/dev/null || fail message
has "$(query_entities_by_classification app_service)" "entities/AppService/entries/payments" query
has "$(query_entities_by_classification 'AI systems')" "entities/agents/entries/planner" family
has "$(query_entities_by_classification AppService --output json)" '"count": 1' "query as JSON"
has "$(query_entities_by_classification AppServise 2>&1)" "did you mean AppService?" hint

# ---- Failures: the exit code and the message.

code=0
said=$(register_entity 'a b$(id)' services '{}' 2>&1) || code=$?
is "$code" 2 "the code for a bad name"
has "$said" "error:" "the message for a bad name"
code=0
said=$(register_entity broken services '{"a": ' 2>&1) || code=$?
is "$code" 1 "the code for a broken document"
has "$said" "isn't JSON" "the message for a broken document"
code=0
said=$(register_entity one 2>&1) || code=$?
is "$code" 2 "the code for a missing argument"
has "$said" "register_entity NAME CLASS JSON" "the message for a missing argument"
code=0
said=$(registry_propagation_unidirectional configs/app/entries/web nowhere '{}' 2>&1) || code=$?
has "$said" "there is no target nowhere" "a target that isn't there"
is "$code" 2 "the code for a target that isn't there"

# ---- Propagation: the payload is the source's new version, and is delivered once.

target() { # NAME
    printf '{"kind": "registry", "url": "%s"}' "$PEER" | "$program" put "targets/ops/entries/$1" - >/dev/null || fail "target $1"
}
count() { # XID: the number of versions at the peer
    "$program" list "$1/versions" --output json --server "$PEER" | grep -c "\"versionid\""
}
target b
web=configs/app/entries/web
registry_propagation_unidirectional "$web" b "$hard" >/dev/null || fail unidirectional
is "$(get "$web" "$PEER")" "$hard" "what arrived at the target"
registry_propagation_unidirectional "$web" "targets/ops/entries/b" '{"n": 2}' >/dev/null || fail "unidirectional again"
is "$(get "$web")" '{"n": 2}' "the source's new version"
is "$(get "$web" "$PEER")" '{"n": 2}' "the second delivery"
is "$(count "$web")" 2 "versions at the target"
printf '{"n": 3}' | "$program" put "$web" - >/dev/null
printf '{"kind": "folder", "path": "%s"}' archive | "$program" put targets/ops/entries/archive - >/dev/null
registry_propagation_multicast configs/app/entries/many "b, archive" '{"many": 1}' >/dev/null || fail multicast
is "$(get configs/app/entries/many "$PEER")" '{"many": 1}' "multicast"
registry_propagation_broadcast configs/app/entries/all archive '{"all": 1}' >/dev/null || fail broadcast
is "$(get configs/app/entries/all "$PEER")" '{"all": 1}' "broadcast"
registry_propagation_broadcast configs/app/entries/every '' '{"every": 1}' >/dev/null || fail "broadcast to all"
is "$(get configs/app/entries/every "$PEER")" '{"every": 1}' "broadcast to all"
is "$(get "$web" "$PEER")" '{"n": 2}' "what was put later isn't sent: each was delivered once"
registry_propagation_bidirectional configs/both/entries/one b "$hard" >/dev/null || fail bidirectional
is "$(get configs/both/entries/one "$PEER")" "$hard" "bidirectional"
registry_propagation_bidirectional configs/both/entries/one b '{"again": true}' >/dev/null || fail "bidirectional again"
is "$(get configs/both/entries/one "$PEER")" '{"again": true}' "bidirectional again"

# ---- Another program, and a server that is started.

has "$(MUSTER_PROGRAM=/bin/echo query_entities_by_classification x)" "entities query --classification=x" MUSTER_PROGRAM
code=0
(MUSTER_PROGRAM=/nowhere/muster query_entities_by_classification x) 2>/dev/null || code=$?
is "$code" 127 "a program that isn't there"
has "$(universal_registry_with_propagation_init 2>&1)" "registry " "a server that runs already"
mkdir -p "$FOLDER"
port=$((20000 + $$ % 20000))
(
    export HOME=$FOLDER MUSTER_SERVER=http://127.0.0.1:$port
    said=$(universal_registry_with_propagation_init --memory --listen "127.0.0.1:$port" 2>&1) || fail "init: $said"
    kill "$(printf '%s\n' "$said" | sed -n 's/.*(process \([0-9]*\)).*/\1/p')"
    has "$said" "a server is running now" init
    has "$said" "registry " "status after init"
) || exit 1
code=0
said=$(HOME=$FOLDER MUSTER_SERVER=http://127.0.0.1:1 universal_registry_with_propagation_init --no-such-flag 2>&1) || code=$?
is "$code" 1 "the code of a server that doesn't start"
has "$said" "no flag --no-such-flag" "the message of a server that doesn't start"
printf '%s checks of the functions of %s\n' "$checks" "${ZSH_VERSION:+zsh }${BASH_VERSION:+bash }${ZSH_VERSION-}${BASH_VERSION-}"
