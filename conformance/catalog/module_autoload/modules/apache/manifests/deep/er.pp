class apache::deep::er { notify { "deep ${caller_module_name}": } }
