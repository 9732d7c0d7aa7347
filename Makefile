# What a person types here. Each target installs what it needs and says what it does; `make run` is the whole demonstration.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.SILENT:
.DEFAULT_GOAL := build
.PHONY: build release-demo run test test-clients test-browser test-asan test-tsan fuzz fuzz-build fuzz-merge bench bench-zipf bench-scrape attacks format check setup certs

packages       := libssl-dev libnghttp2-dev zlib1g-dev openssl curl
# h11 for Debian's own Python: the origin of the tests that is stricter than the gateway. grpcio: clients and origins that speak gRPC.
# nghttpd, an origin that speaks HTTP/2; nghttp and h2load, and what makes an environment for the clients that Debian doesn't have.
# prometheus, with promtool, and its library for Python, whose parser of OpenMetrics is the strictest: they read the metrics.
test_packages  := python3-h11 python3-grpcio nghttp2-server nghttp2-client python3-venv prometheus python3-prometheus-client
bench_packages := nginx-light haproxy h2o nghttp2-proxy nghttp2-client wrk python3 gcc libc6-dev libssl-dev
attack_packages := slowhttptest python3
# Large: `make test` runs the tests that need it where it is there, and doesn't install it.
browser_packages := chromium
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

# Everything but the benchmark: all tests, and a short run of each fuzz target. With arguments for swift test only the tests that they
# name: make test ARGS='--filter Tidy'
test: setup certs test-clients
	$(call install,$(test_packages))
	mkdir -p .build
	if ! swift test --disable-xctest $(ARGS) 2>&1 | tee .build/test.log | $(without_starts); then
		echo "make: what failed (all of it is in .build/test.log):"
		$(without_starts) .build/test.log | grep --after-context=8 --no-group-separator -E '^✘|Fatal error|error:' | grep -v '^✔' || true
		exit 1
	fi
	[[ -z "$(ARGS)" ]] || exit 0
	$(MAKE) --no-print-directory fuzz RUNS=$(fuzz_short_runs)

# That a test began is said with its arguments, which may be lines of a configuration and its errors: they are not what failed. Should the
# end of such a message be missing, the next one's mark ends it.
without_starts = sed -u ':start; /^◇/ { :more; /started\.$$/d; N; /\n\(◇\|✔\|✘\|↳\)[^\n]*$$/ { s/.*\n//; b start }; b more }'

# Python's httpx and the SDKs of AI APIs, in an environment of their own; made again when the list of them changes.
clients := .build-clients
test-clients: $(clients)/installed

$(clients)/installed: Tests/clients/requirements.txt
	$(call install,$(test_packages))
	/usr/bin/python3 -m venv --clear $(clients)
	$(clients)/bin/pip install --quiet --disable-pip-version-check -r $<
	touch $@

# Pages of other origins and through the gateway in Debian's chromium. Pictures of the gateway's own pages are in .build/screenshots then.
test-browser: setup
	$(call install,$(browser_packages))
	swift test --disable-xctest --filter BrowserTests

# ---- sanitizers: the integration tests, against a gateway that is built with one --------------------------

# Arguments for swift test: make test-tsan ARGS='--filter ReloadTests'
sanitizer_tests  = $(or $(ARGS),--filter GatewayIntegrationTests)
# Ten times slower, on a machine that may have other work.
sanitizer_patience = 10
sanitizer_report = $(CURDIR)/.build-$(1)/reports

# Leaks too: they are looked for when a gateway ends.
test-asan: setup certs test-clients
	swift build --product gateway --sanitize address -Xcc -fsanitize=address --scratch-path .build-asan
	export ASAN_OPTIONS=detect_leaks=1
	export LSAN_OPTIONS=suppressions=$(CURDIR)/Tests/Sanitizers/leaks.txt:print_suppressions=0
	$(call test_sanitized,asan)

# Swift's Mutex is a futex, of which ThreadSanitizer sees only a part: Tests/Sanitizers/mutex.c shows it the rest.
mutex_symbol = $$s15Synchronization12_MutexHandleV
test-tsan: setup certs test-clients
	mkdir -p .build-tsan
	clang -c -O2 -o .build-tsan/mutex.o Tests/Sanitizers/mutex.c
	swift build --product gateway --sanitize thread -Xcc -fsanitize=thread --scratch-path .build-tsan -Xlinker $(CURDIR)/.build-tsan/mutex.o \
		$(foreach call,9_lockSlowyys6UInt32VF 12_tryLockSlowSbyF 11_unlockSlowyyF,-Xlinker '--wrap=$(mutex_symbol)$(call)')
	export TSAN_OPTIONS=halt_on_error=0:second_deadlock_stack=1
	$(call test_sanitized,tsan)

# A report fails the test that started the gateway, and is seen here as well.
define test_sanitized
rm -rf $(sanitizer_report) && mkdir -p $(sanitizer_report)
# A sanitized gateway is slow: with all tests at once on few cores each would wait for the others.
export SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH=8 GATEWAY_TEST_PATIENCE=$(sanitizer_patience)
export GATEWAY_BINARY=$(CURDIR)/.build-$(1)/debug/gateway GATEWAY_SANITIZER_REPORTS=$(sanitizer_report)
status=0
swift test --disable-xctest $(sanitizer_tests) || status=$$?
if [[ -n $$(ls $(sanitizer_report)) ]]; then
	cat $(sanitizer_report)/*
	echo "make: $$(ls $(sanitizer_report) | wc -l) reports in $(sanitizer_report)" >&2
	status=1
fi
exit $$status
endef

# ---- fuzzing ------------------------------------------------------------------------------------------------

fuzz_targets    := request response chunked configuration address json http2 canonicaljson eventstream proxy trace
fuzz_short_runs := 10000
fuzz_corpus     := Tests/Fuzz/corpus
fuzz_work       := .build-fuzz/corpus
fuzz_program    := .build-fuzz/release/fuzz

# So many executions of each target, the kept corpus first. What is found new stays in .build-fuzz/corpus, an input that breaks a promise
# in .build-fuzz (Swift's own backtrace would come before libFuzzer, and end the program without it).
# Arguments: make fuzz TARGET=request RUNS=10000000 ARGS='-timeout=60'
RUNS = 1000000
fuzz: fuzz-build
	for target in $(or $(TARGET),$(fuzz_targets)); do
		mkdir -p $(fuzz_work)/$$target
		echo "fuzzing $$target"
		SWIFT_BACKTRACE=enable=no $(fuzz_program) --target=$$target -runs=$(RUNS) -max_len=1024 -timeout=10 -verbosity=0 \
			-dict=Tests/Fuzz/dictionaries/$$target -print_final_stats=1 -artifact_prefix=.build-fuzz/$$target- $(ARGS) \
			$(fuzz_work)/$$target $(fuzz_corpus)/$$target 2>&1 | { grep -v '^$$' || true; }
	done

# Takes into the kept corpus what of the new inputs reaches code that none there reaches.
fuzz-merge: fuzz-build
	for target in $(or $(TARGET),$(fuzz_targets)); do
		mkdir -p $(fuzz_work)/$$target
		$(fuzz_program) --target=$$target -merge=1 -use_counters=0 $(fuzz_corpus)/$$target $(fuzz_work)/$$target
	done

# SwiftPM's own --sanitize fuzzer links libFuzzer and leaves main() to it, but instruments nothing.
fuzz-build: setup
	GATEWAY_FUZZ=1 swift build -c release --product fuzz --scratch-path .build-fuzz --sanitize fuzzer -Xswiftc -sanitize=fuzzer \
		-Xswiftc -use-ld=lld

# What requests, cache hits, handshakes and idle connections cost, beside nginx and HAProxy. Arguments: make bench ARGS='--rounds 9 --all'
bench: build
	GATEWAY_BENCH=1 swift build $(release_flags) --product canonical-bench
	$(call install,$(bench_packages))
	python3 Tests/bench/bench.py $(ARGS)

# What a zone of the cache takes of memory, and how often it has the answer. Arguments: make bench-zipf ARGS='--seconds 10 --alpha 0.8'
bench-zipf: build
	$(call install,$(bench_packages))
	python3 Tests/bench/cache_zipf.py $(ARGS)

# What a scrape of ten thousand series costs, and whether clients notice it. Arguments: make bench-scrape ARGS='--series 100000'
bench-scrape: build
	$(call install,$(bench_packages))
	python3 Tests/bench/scrape.py $(ARGS)

# What attacks cost the gateway and who attacks, and what a good client notices. Arguments: make attacks ARGS='--only "slow heads"'
attacks: build
	$(call install,$(attack_packages))
	python3 Tests/bench/attacks.py $(ARGS)

format:
	swift format --in-place --recursive --parallel $(sources)

check: setup
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
