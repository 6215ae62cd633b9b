# The report as people read it.
def pad($n): . + (" " * ([$n - length, 0] | max));
def left($n): (" " * ([$n - length, 0] | max)) + .;

(.figures | map(.case | length) + [4] | max) as $case
| (.figures | map(.side | length) + [4] | max) as $side
| (.results | map(.name | length) + [4] | max) as $name
| "\(.bench): medians of \(.runs) runs, both sides in turn within each",
  "\(.machine); \(.version)",
  "",
  (.figures[] | "  \(.case | pad($case))  \(.side | pad($side))  \(.median | tostring | left(10)) \(.unit)   (\(.least) to \(.most))"),
  "",
  (.results[] | "  \(.name | pad($name))  \(.value | tostring | left(8))\(if .unit then " " + .unit else "" end)"
    + (if .goal then "   goal \(.goal): \(if .met then "met" else "NOT MET" end)" else "" end))
