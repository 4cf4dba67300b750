/* The process that holds a Pod's namespaces open. It is the Pod's process 1, so
 * it also takes in what its children leave behind, and ends when told to. */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void end(int signal) { (void)signal; _exit(0); }

int main(void) {
	struct sigaction act = {.sa_handler = end};
	sigaction(SIGINT, &act, 0);
	sigaction(SIGTERM, &act, 0);
	/* Ignored children are reaped by the kernel. */
	act.sa_handler = SIG_IGN;
	act.sa_flags = SA_NOCLDWAIT;
	sigaction(SIGCHLD, &act, 0);
	for (;;)
		pause();
}
