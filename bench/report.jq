# Samples (CASE SIDE UNIT VALUE) and goals (KIND LABEL CASE/SIDE CASE/SIDE OPERATOR LIMIT), lines with tabs: into one object.
def rows: split("\n") | map(select(. != "") | split("\t"));
def median: sort | if length % 2 == 1 then .[length / 2 | floor] else (.[length / 2 - 1] + .[length / 2]) / 2 end;
def rounded: . * 1000 | round | . / 1000;

($samples | rows
  | map({key: "\(.[0])/\(.[1])", case: .[0], side: .[1], unit: .[2], value: (.[3] | tonumber)})) as $all
| ($all | map(.key) | reduce .[] as $key ([]; if index([$key]) then . else . + [$key] end)) as $keys
| [$keys[] as $key | ($all | map(select(.key == $key))) as $of
    | $of[0] | {case, side, unit, median: ($of | map(.value) | median | rounded),
                least: ($of | map(.value) | min), most: ($of | map(.value) | max), samples: ($of | map(.value))}] as $figures
| def at($key): first($figures[] | select("\(.case)/\(.side)" == $key)) // error("no samples of \($key)");
  {bench: $bench, version: $version, machine: $machine, runs: ($runs | tonumber), figures: $figures,
   results: [$goals | rows[]
     | {name: .[1],
        value: (if .[0] == "ratio" then at(.[2]).median / at(.[3]).median else at(.[2]).median end | rounded),
        unit: (if .[0] == "ratio" then null else at(.[2]).unit end),
        operator: .[4], limit: .[5]}
     | {name, value, unit, goal: (if .operator == "" then null else "\(.operator) \(.limit)" end),
        met: (if .operator == "" then null elif .operator == "<=" then .value <= (.limit | tonumber)
              else .value >= (.limit | tonumber) end)}]}
