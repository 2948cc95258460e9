import ArgumentParser
import Ascribe
import Foundation

/// Exit codes after sysexits.h, and the one line that goes with them.
enum Failure {
  private static let dataError: Int32 = 65
  private static let noInput: Int32 = 66
  private static let fault: Int32 = 70
  private static let cannotWrite: Int32 = 73
  private static let outputError: Int32 = 74

  /// Prints the error as one line and ends the program with its code.
  static func exit(_ error: any Error) -> Never {
    switch error {
    case let error as ModelError: end(error.description, code(of: error.kind))
    case let error as OutputFailure:
      end("standard output cannot be written: \(error.reason)", outputError)
    default:
      let code = AscribeCommand.exitCode(for: error)
      let isOurs = code == .failure
      guard !isOurs else { end("a fault of this program, please report it: \(error)", fault) }
      AscribeCommand.exit(withError: error)
    }
  }

  /// The text without line breaks and escapes, which names in files may hold.
  private static func oneLine(_ text: String) -> String {
    String(text.map { $0.isNewline || $0.unicodeScalars.contains { $0.value < 32 } ? " " : $0 })
  }

  private static func code(of kind: ModelError.Kind) -> Int32 {
    switch kind {
    case .badData: dataError
    case .noInput: noInput
    case .usage: ExitCode.validationFailure.rawValue
    case .cannotWrite: cannotWrite
    case .fault: fault
    }
  }

  private static func end(_ message: String, _ code: Int32) -> Never {
    Console.note("error: \(oneLine(message))")
    Foundation.exit(code)
  }
}
