A['a'] -> B['b'] ~> C['c'] <- D['d'] <~ E['e']
$a -> $b
file { a: } -> file { b: } ~> File[c]
File <| |> -> Exec <| |>
'a' -> [File[a], File[b]] -> $x.foo
