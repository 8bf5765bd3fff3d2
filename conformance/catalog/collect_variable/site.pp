$t = 'two'
@notify { ['one','two','three']: }
Notify <| title == $t or title == "th${'ree'}" |>
