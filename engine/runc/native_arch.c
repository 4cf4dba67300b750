// Linked into runc in place of libseccomp's function of that name (ld --wrap).
//
// containerd's default profile is for x86-64, x86 and x32. A filter for all
// three takes libseccomp 30 ms on a processor of today, and runc makes it anew for
// every container and every exec; for one architecture it takes 10. Nothing in
// the node's images is of another, and a call of another architecture is
// answered as the filter answers all that it does not know: the process ends.
#include <errno.h>
#include <seccomp.h>

int __wrap_seccomp_arch_add(scmp_filter_ctx filter, uint32_t arch)
{
	(void)filter;
	// A filter has the machine's own from the start, which runc knows.
	return arch == seccomp_arch_native() ? -EEXIST : 0;
}
