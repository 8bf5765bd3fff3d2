File <| 1 > 2 |>
