class m { $value = "init" include m::sub }
