@notify { 'v1': tag => 'x' }
@notify { 'v2': tag => 'x' }
notify { 'first': } -> Notify <| tag == 'x' |> -> notify { 'last': }
file { '/a': } -> File <| title == 'none' |> -> file { '/b': }
