import ArgumentParser
import Ascribe
import Foundation

/// The program: it lists the subcommands, and turns errors into one line and an exit code.
@main
struct AscribeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ascribe",
    abstract: "Says why an ONNX model made a prediction.",
    discussion: """
      MODEL is an .onnx file. INPUT is a picture (JPEG, PNG, WebP, BMP, GIF, TIFF) or a tensor \
      (.npy, or a serialized TensorProto .pb).
      """,
    version: Ascribe.version,
    subcommands: [Inspect.self, Run.self, Attribute.self, Bench.self])

  static func main() {
    Interruption.install()
    do {
      var command = try parseAsRoot()
      try command.run()
      try Console.finish()
    } catch {
      Failure.exit(error)
    }
  }
}
