File <| a == b
