file { a: b => File <| |> }
