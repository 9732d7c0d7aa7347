# What a person types here. Each target installs what it needs and says what it does; `make run` is the whole demonstration.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.SILENT:
.DEFAULT_GOAL := build
.PHONY: build release-demo run test bench format check setup certs

packages       := libssl-dev libnghttp2-dev zlib1g-dev openssl curl
# h11 for Debian's own Python: the origin of the tests that is stricter than the gateway.
test_packages  := python3-h11
bench_packages := nginx-light haproxy wrk nghttp2-client python3 gcc libc6-dev libssl-dev
sources        := Sources Tests Package.swift

release_flags  := -c release --static-swift-stdlib
release        := .build/release
demo_origins   := stable:9001 stable:9002 canary:9003

# The gateway as it is deployed: optimised, every check on, Swift's own libraries inside.
build: setup
	swift build $(release_flags) --product gateway

release-demo: build
	swift build $(release_flags) --product demo-upstream

# Three origins and the gateway in front of them, on gateway.conf, until Ctrl-C.
run: release-demo certs
	ids=()
	trap 'if (($${#ids[@]})); then kill "$${ids[@]}" 2> /dev/null || true; wait; fi' EXIT
	trap 'exit 0' INT TERM
	for port in $(foreach origin,$(demo_origins),$(lastword $(subst :, ,$(origin)))) $$($(listed_ports)); do
		if (exec 3<> /dev/tcp/127.0.0.1/$$port) 2> /dev/null; then
			echo "make run: port $$port is taken by another program; 'ss -ltnp sport = :$$port' names it" >&2
			exit 1
		fi
	done
	for origin in $(demo_origins); do
		$(release)/demo-upstream --name $${origin%:*} --port $${origin#*:} &
		ids+=($$!)
	done
	$(release)/gateway -c gateway.conf &
	gateway=$$!
	ids+=($$gateway)
	# An origin may be ended, to see what the gateway does then; the gateway's end is that of the demonstration.
	wait $$gateway

# The ports that gateway.conf listens on.
listed_ports = sed -nE 's/^[[:space:]]*(listen|admin)[[:space:]]+([^;{ ]*:)?([0-9]+).*/\3/p' gateway.conf | sort -u

# Everything but the benchmark. Arguments for swift test: make test ARGS='--filter Tidy'
test: setup certs
	$(call install,$(test_packages))
	swift test --disable-xctest $(ARGS)

# What requests, handshakes and idle connections cost, beside nginx and HAProxy. Arguments: make bench ARGS='--rounds 9 --all'
bench: build
	$(call install,$(bench_packages))
	python3 Tests/bench/bench.py $(ARGS)

format:
	swift format --in-place --recursive --parallel $(sources)

check:
	swift format lint --strict --recursive --parallel $(sources)
	swift test --disable-xctest --filter TidyTests

# Installs the Debian packages that are missing, and nothing if none is.
setup:
	command -v swift > /dev/null || { echo "make: Swift 6.3 is needed: https://www.swift.org/install/linux/" >&2; exit 1; }
	$(call install,$(packages))

define install
missing=()
for package in $(1); do
	[[ $$(dpkg-query --show --showformat='$${db:Status-Status}' $$package 2> /dev/null) == installed ]] || missing+=($$package)
done
if (($${#missing[@]})); then
	echo "installing $${missing[*]}"
	sudo=$$([[ $$(id -u) == 0 ]] || echo sudo)
	$$sudo apt-get update -qq
	$$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$${missing[@]}" > /dev/null
fi
endef

# A certificate for api.localhost, signed by itself, made anew when a week or less is left.
certs: setup
	mkdir -p certs
	if [[ -f certs/localhost.key ]] && openssl x509 -checkend 604800 -noout -in certs/localhost.pem > /dev/null 2>&1; then exit 0; fi
	umask 077
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 365 -subj /CN=api.localhost \
		-addext subjectAltName=DNS:api.localhost,DNS:*.api.localhost,DNS:localhost,IP:127.0.0.1,IP:::1 \
		-addext extendedKeyUsage=serverAuth -keyout certs/localhost.key.new -out certs/localhost.pem.new 2> /dev/null
	mv certs/localhost.key.new certs/localhost.key
	mv certs/localhost.pem.new certs/localhost.pem
	echo "made certs/localhost.pem and certs/localhost.key"
