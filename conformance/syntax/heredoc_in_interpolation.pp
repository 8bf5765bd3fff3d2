$a = "x${foo(@(END))}y"
  text
  | END
$b = 1
