$a = @(END)
  one
    two
 three

  | END
$b = @(END/L)
    one \
    two
    |- END
