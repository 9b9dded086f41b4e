#!/bin/sh
# Runs a pipeline, and tries again where a retry helps: exit codes 5, 6, 7 and 8. Others end it at once, with that code.
#   pipelines/night.sh pipelines/nightly.toml [FLAG]...
# PAUSES has the seconds before each further try.
code=0
for pause in 0 ${PAUSES-300 900 3600}; do
    sleep "$pause"
    partnerscore run "$@"
    code=$?
    case $code in
    5 | 6 | 7 | 8) ;;
    *) break ;;
    esac
done
exit $code
