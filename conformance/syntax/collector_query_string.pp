File <| "${a}" |>
