$a = @( the end )
  x
  | the end
$b = @(" E ")
  y
  -E
