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
      A model is an .onnx file. An input is a picture (JPEG, PNG, WebP, BMP, GIF, TIFF) or a \
      tensor (.npy, or a serialized TensorProto .pb).

        ascribe inspect model.onnx
        ascribe run model.onnx photo.jpg
        ascribe attribute model.onnx photo.jpg --output results
        ascribe verify model.onnx
        ascribe export model.onnx --method ig --output model-explained.onnx
        ascribe evaluate model.onnx --data photos --output results.sqlite

      Results go to standard output, progress and notes to standard error. Exit codes: 0 done, \
      64 wrong usage, 65 bad model or data, 66 no such input, 70 a fault of this program, 73 and \
      74 results cannot be written, 130 interrupted.
      """,
    version: Ascribe.version,
    subcommands: [
      Inspect.self, Run.self, Attribute.self, Verify.self, StripBiases.self, Export.self,
      Evaluate.self,
      Merge.self, Summary.self, Bench.self,
    ])

  static func main() {
    Threads.boundSpinning()
    Interruption.install()
    do {
      try Threads.checkNumber()
      var command = try parseAsRoot()
      try command.run()
      try Console.finish()
    } catch {
      Failure.exit(error)
    }
  }
}
