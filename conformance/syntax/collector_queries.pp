File <| |>
File <| title == a |>
File <| a != 'b' and (c == 1 or d == $x) |>
Foo::Bar <<| |>>
File <<| tag == 'a' |>>
File <| a == 1.5 or b == true |>
File<||>
File <<||>>
