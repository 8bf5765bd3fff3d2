File <| a == b |> { mode => '0644', owner +> x }
File <<| |>> { , }
File <| |> { } -> Exec <| |>
