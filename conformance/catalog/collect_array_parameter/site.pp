@user { 'u1': groups => ['adm','wheel'] }
@user { 'u2': groups => ['adm'] }
@user { 'u3': groups => 'wheel' }
User <| groups == 'wheel' |>
