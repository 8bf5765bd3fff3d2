@notify { 'v1': tag => 'one' }
@notify { 'v2': message => 'm' }
@file { '/v': mode => '0644' }
Notify <| tag == 'one' |>
File <| title == '/v' |> { owner => 'root' }
notify { 'real': }
Notify <| message == 'm' and title != 'x' or title == 'nope' |>
@notify { 'never': }
