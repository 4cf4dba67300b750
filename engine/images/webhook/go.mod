module kubewalk.dev/engine/webhook

go 1.26
