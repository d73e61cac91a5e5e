module push-manager.dev/tools/runc-fit

go 1.25
