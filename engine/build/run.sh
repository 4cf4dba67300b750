# How build.sh runs its steps: checks, the lock, progress, and what to say when
# something fails. Sourced by build.sh.

started=$SECONDS
job="" # the process group of the step that is running

# stop ends the build with one sentence that says what to do.
stop() {
	echo "engine: $*" >&2
	exit 3
}

# A step runs as a process group of its own, so that an interrupt ends the
# compilers that it started as well as the step.
end_job() {
	trap - INT TERM HUP EXIT
	if [[ -n $job ]]; then kill -KILL -- "-$job" 2>/dev/null || true; fi
	exit "$1"
}
trap 'end_job 130' INT
trap 'end_job 143' TERM
trap 'end_job 129' HUP

# starter_lives says whether whoever asked for this build still wants it: kubewalk names its process, because a build
# must not go on after a kill -9 that nobody could pass on. A person who starts it by hand names none.
starter_lives() { [[ -z ${KUBEWALK_STARTER-} ]] || kill -0 "$KUBEWALK_STARTER" 2>/dev/null; }

check_machine() {
	local need have free room=6 gomod=$here/$minor/go.mod
	if [[ $product == kind ]]; then # a Go program like any other
		room=1 gomod=$here/kind/go.mod
	else
		[[ $(uname -s) == Linux ]] || stop "it runs on Linux only; on another system choose a cluster in Docker"
		((EUID == 0)) || stop "building it needs root, because files in images belong to root; run it with sudo"
		for tool in apt-get dpkg-deb; do
			command -v $tool >/dev/null || stop "$tool is missing; build on Debian or Ubuntu, or in a container of one"
		done
		command -v gcc >/dev/null || stop "gcc is missing; install it: apt-get install gcc libc6-dev"
	fi
	need=$(sed -n 's/^go //p' "$gomod")
	command -v go >/dev/null || stop "Go is missing; install $need or later from your distribution or from go.dev"
	# Asked outside of any module, so that Go does not fetch a newer self.
	have=$(cd / && go env GOVERSION)
	have=${have#go} have=${have%% *}
	[[ $(printf '%s\n' "$need" "$have" | sort -V | head -n1) == "$need" ]] ||
		stop "Go $have is too old, $need is needed; install a newer one from go.dev"
	mkdir -p "$cache" 2>/dev/null || stop "cannot make the folder $cache; choose another with --cache"
	free=$(df -Pk "$cache" | awk 'NR == 2 {print int($4 / 1024 / 1024)}')
	((free >= room)) || stop "only $free GB are free in $cache and $room are needed; make room or choose another folder with --cache"
}

# lock_cache lets two builds take turns. The lock ends with the process, and says which one that is.
lock_cache() {
	local until=$((SECONDS + 45 * 60)) holder
	mkdir -p "$cache/steps" "$cache/$shelf" "$cache/logs" 2>/dev/null ||
		stop "cannot write to $cache; check whose it is, or choose another folder with --cache"
	{ exec 9<>"$cache/lock"; } 2>/dev/null || stop "cannot lock $cache/lock; check whose it is, or choose another folder with --cache"
	# Whoever can open it can lock it.
	chmod 600 "$cache/lock" 2>/dev/null || true
	# Under sudo the cache may be the caller's: what they need to build something in it later is theirs, and what is built is root's.
	((EUID != 0)) || chown --no-dereference --reference="$cache" "$cache/steps" "$cache/$shelf" "$cache/logs" "$cache/lock" 2>/dev/null || true
	if ! flock -n 9; then
		holder=$(head -c 20 "$cache/lock" | tr -cd 0-9)
		echo "engine: another build (process ${holder:-unknown}) is running in this cache; waiting for it" >&2
		until flock -w 1 9; do
			starter_lives || exit 129
			((SECONDS < until)) || stop "process ${holder:-unknown} has held $cache/lock for 45 minutes; end it if it hangs, and start again"
		done
	fi
	printf '%-10s\n' $$ 1<>"$cache/lock"
}

span() { # seconds, for people
	if (($1 < 60)); then echo "$1s"; else printf '%dm%02ds' $(($1 / 60)) $(($1 % 60)); fi
}

# key hashes what goes into a step: the files named, the keys of the steps that
# it builds on, and its own text.
key() {
	local name=$1 helpers=helpers_$1
	{
		# shellcheck disable=SC2086
		declare -f "build_$name" ${!helpers-}
		uname -m
		(cd "$here" && for path in ${inputs[$name]}; do
			find -L "$path" -type f ! -name '*.md' -print0 | sort -z | xargs -0 sha256sum
		done)
		for other in ${after[$name]}; do echo "${keys[$other]}"; done
	} | sha256sum | cut -c1-16
}

# run_steps does every step whose output is not there yet.
run_steps() {
	local name number=0
	# What builds that were killed left half done; we hold the lock.
	rm -rf "$cache"/steps/*.part "$cache/$shelf"/*.part
	for name in "${steps[@]}"; do
		number=$((number + 1))
		keys[$name]=$(key "$name")
		dirs[$name]=$cache/steps/$name-${keys[$name]}
		# The last step is the product.
		((number < ${#steps[@]})) || dirs[$name]=$out
		run_step "$name" "$number"
		[[ ! -f ${dirs[$name]}/packages.tsv || -z ${locks[$name]-} ]] || say_locked "$name"
	done
}

# say_locked says when a step's packages are not those that its lock file names.
say_locked() { # STEP
	local what="no file of engine/debian is for this distribution"
	[[ $(cat "${dirs[$1]}/locked") != true ]] || return 0
	[[ -z ${inputs[$1]} ]] || what="not all packages of engine/${inputs[$1]} are in this machine's sources any more"
	if [[ ${KUBEWALK_ENGINE_LOCKED-} == 1 ]]; then
		rm -rf "${dirs[$1]}"
		stop "$what; refresh it with \`just debian-lock\`, or build without --locked"
	fi
	echo "note: $what: what apt's signed index has is taken, and manifest.json says \"locked\": false" >&2
}

# write_lock writes the lock file of this distribution anew.
write_lock() {
	local lock="" file
	file=$here/$lock_folder/$distribution.lock
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	fetch_packages "${lock_packages[@]}" >&2
	mkdir -p "$here/$lock_folder"
	{
		echo "# name, version and sha256 of each Debian package that the engine is made of; \`just debian-lock\` writes it."
		cat "$work/packages.tsv"
	} >"$file"
	echo "$file"
}

run_step() {
	local name=$1 head from log=$cache/logs/$1.log
	head=$(printf '[%2d/%d] %s' "$2" "${#steps[@]}" "${titles[$name]}")
	if [[ -d ${dirs[$name]} ]]; then
		echo "$head … kept from before" >&2
		return
	fi
	from=$SECONDS
	echo "$head …" >&2
	work=${dirs[$name]}.part
	rm -rf "$work"
	mkdir -p "$work" 2>/dev/null || stop "cannot write to $cache; check its rights and the free space"
	set -m
	(
		set +m -e
		exec 9>&- >"$log" 2>&1 </dev/null
		"build_$name"
	) &
	job=$!
	set +m
	watch_job "$name" "$log" "$from"
	if ! wait "$job"; then
		job=""
		fail_step "$name" "$log"
	fi
	job=""
	mv "$work" "${dirs[$name]}" 2>>"$log" || fail_step "$name" "$log"
	[[ -t 2 ]] && printf '\r\033[K' >&2
	echo "$head … done in $(span $((SECONDS - from))) (total $(span $((SECONDS - started))))" >&2
}

# watch_job says how far a long step is: in place on a terminal, else in a line
# every 15 s.
watch_job() {
	local name=$1 log=$2 from=$3 next=$((SECONDS + 15)) text
	while kill -0 "$job" 2>/dev/null; do
		sleep 0.1
		starter_lives || end_job 129
		if [[ ! -t 2 ]] && ((SECONDS < next)); then continue; fi
		next=$((SECONDS + 15))
		text="        $("progress_${progress[$name]:-plain}" "$log"), $(span $((SECONDS - from)))"
		if [[ -t 2 ]]; then printf '\r\033[K%s' "$text" >&2; else echo "$text" >&2; fi
	done
}

progress_plain() { echo "working"; }
progress_modules() { echo "fetched $(grep -c '^go: downloading' "$1") modules"; }
progress_packages() {
	local total
	total=$(sed -n 's/^packages: //p' "$1" | head -n1)
	echo "compiled $(grep -cE '^[a-zA-Z0-9][^ :]*$' "$1") of ${total:-?} packages"
}

fail_step() {
	local name=$1 log=$2
	rm -rf "$work"
	[[ -t 2 ]] && printf '\r\033[K' >&2
	if grep -qi 'no space left on device' "$log"; then
		stop "the disk is full (step $name in $cache, or Go's cache in $(cd / && go env GOCACHE)); make room and start again, finished steps are kept"
	fi
	{
		echo "engine: step $name failed; its log is $log and ends with:"
		tail -n 20 "$log" | sed 's/^/    /'
	} >&2
	exit 3
}
