const pattern =
  /^(LD_.*|GLIBC_TUNABLES|GCONV_PATH|LOCPATH|NODE_OPTIONS|NODE_PATH|BASH_ENV|BASH_FUNC_.*|ENV|PYTHON.*|PERL.*|RUBY(OPT|LIB)|JAVA_TOOL_OPTIONS|_JAVA_OPTIONS|JDK_JAVA_OPTIONS|GIT_.*|MALLOC_.*)$/i;

/** Variables that decide which code a program loads: an image has no say in that. */
export const isLoadingVariable = (name: string): boolean => pattern.test(name);
