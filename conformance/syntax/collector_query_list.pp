File <| a == 1 and [1] |>
