# Each of these also works on a fresh Debian 12 machine with only the Rust toolchain: what is
# missing is named, with the reason, and then installed.
#
#   make run       starts bootjack on this machine's interfaces; ARGS="…" are flags of `bootjack serve`
#   make test      every test, real firmware included (root; as a plain user, those that need no root)
#   make test-all  the same, and the firmware that is too slow for every day
#   make captures  takes tests/captures/*.pcap anew from real firmware; ARGS="NAME…" for some
#   make demo      boots a BIOS PC, a UEFI PC and one with Secure Boot on a private virtual LAN
#   make bench     bootjack and its peers side by side, as tables and as target/bench/results.json;
#                  ARGS="tftp http" for a part, README=1 writes README's numbers,
#                  ARGS=micro tells the steps of bootjack itself (ARGS="micro decide": some of them)
#   make bench-quick  less of the same, for every day: two minutes
#   make storm     a room that is switched on at once; MACHINES=500 LOSS=1 (percent) RATE=200 (Mbit/s)
#   make soak      a room that boots again and again for MINUTES=60: whether anything grows
#   make check     format, lints, dependencies, scripts
#   make fuzz      every fuzz target for SECONDS=300; what it finds is a file below tests/fuzz/artifacts
#   make deb       the Debian package, in target/debian/
#   make assets    brings the boot loaders; UPDATE=1 asks Debian for newer ones

TARGET := $(or $(CARGO_TARGET_DIR),target)

.PHONY: help run test test-all captures demo bench bench-quick storm soak check fuzz deb assets release

help:
	@sed -n 's/^#   //p' Makefile

run: release
	@packaging/as-root.sh $(TARGET)/release/bootjack serve $(ARGS)

test: assets
	@packaging/setup.sh deb
	@tests/run.sh

test-all: assets
	@packaging/setup.sh deb
	@tests/run.sh --all

captures: release
	@packaging/as-root.sh tests/support/setup.sh all
	@cargo build --locked --release --example captures
	@packaging/as-root.sh $(TARGET)/release/examples/captures $(ARGS)
	@UPDATE_CAPTURES=1 cargo test --locked --test captures
	@echo "captures: now look at what has changed: git diff tests/captures"

demo: release
	@packaging/as-root.sh tests/support/setup.sh
	@cargo build --locked --release --example demo
	@packaging/as-root.sh $(TARGET)/release/examples/demo

ifeq ($(firstword $(ARGS)),micro)
bench: assets
	@packaging/setup.sh build
	@cargo bench --locked --bench rooms -- $(wordlist 2,$(words $(ARGS)),$(ARGS))
else
bench bench-quick: release
	@packaging/as-root.sh tests/bench/setup.sh
	@cargo build --locked --release --manifest-path tests/bench/async_tftp/Cargo.toml --target-dir target/async-tftp
	@cargo build --locked --release --example bench
	@packaging/as-root.sh $(TARGET)/release/examples/bench $(if $(filter bench-quick,$@),--quick) \
		$(if $(README),--readme) $(ARGS)
endif

storm: release
	@packaging/as-root.sh tests/support/setup.sh
	@cargo build --locked --release --example storm
	@packaging/as-root.sh $(TARGET)/release/examples/storm machines=$(MACHINES) loss=$(LOSS) rate=$(RATE) $(ARGS)

soak: release
	@packaging/as-root.sh tests/support/setup.sh
	@cargo build --locked --release --example storm
	@packaging/as-root.sh $(TARGET)/release/examples/storm machines=$(or $(MACHINES),50) loss=$(LOSS) rate=$(RATE) \
		minutes=$(or $(MINUTES),60) $(ARGS)

check: assets
	@packaging/setup.sh check
	@packaging/check.sh

fuzz: assets
	@packaging/setup.sh fuzz
	@tests/fuzz/run.sh $(or $(SECONDS),300)

deb: release
	@packaging/setup.sh deb
	@packaging/deb.sh $(TARGET)/release/bootjack

assets:
	@boot-assets/fetch.sh $(if $(UPDATE),--update)

release: assets
	@packaging/setup.sh build
	@cargo build --locked --release
