import ArgumentParser

/// The program: it lists the subcommands and nothing else.
@main
struct AscribeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ascribe",
    abstract: "Says why an ONNX model made a prediction.",
    subcommands: [])
}
