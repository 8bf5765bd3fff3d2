$a = @(END:json)
  {"a": 1}
  | END
$b = @(END:foo+bar)
  x
  | END
$c = @(END: txt /t)
  x
  | END
