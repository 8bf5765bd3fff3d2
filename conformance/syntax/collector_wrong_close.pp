File <| a == b |>>
