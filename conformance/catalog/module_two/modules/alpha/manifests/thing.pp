define alpha::thing(Integer $size = 1, Enum["on","off"] $state = "on") { notify { "thing ${title} ${size} ${state}": } }
