@notify { 'v': }
notify { 'r': }
Notify['r'] -> Notify <| title == 'v' |>
Notify <| title == 'v' |> ~> exec { '/bin/true': refreshonly => true }
