package io.nvmedirect.emulator;

/** Decides, for tests, which commands go wrong. Called by the engine before it executes a command. */
@FunctionalInterface
public interface FaultInjector {

  /** The command is executed. */
  int NONE = 0;

  /** The command is taken and never completes; Abort finds it. */
  int DROP = -1;

  /** The command is executed, and completes twice. */
  int DUPLICATE = -5;

  /** The controller stops: registers stay as they are, nothing is executed. An NVM subsystem reset helps. */
  int HANG = -2;

  /** The controller stops with CSTS.CFS; a controller reset helps. */
  int FATAL = -3;

  /** The controller is gone: registers read as all ones, for good. */
  int REMOVE = -4;

  /**
   * What becomes of a command. Must not call the controller.
   *
   * @param sqid submission queue, 0 for admin commands
   * @param slba first block of a block command; 0 otherwise
   * @param blocks blocks of a block command; 0 otherwise
   * @return {@link #NONE}, {@link #DROP}, {@link #DUPLICATE}, {@link #HANG}, {@link #FATAL}, {@link #REMOVE}, or the
   *     status to fail the command with
   */
  int onCommand(int sqid, int opcode, int nsid, long slba, int blocks);
}
