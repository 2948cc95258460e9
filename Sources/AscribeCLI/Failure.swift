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
      guard code != .failure else {
        end("a fault of this program, please report it: \(error)", fault)
      }
      let message = AscribeCommand.message(for: error)
      guard !code.isSuccess, !message.isEmpty else { AscribeCommand.exit(withError: error) }
      let help = AscribeCommand.fullMessage(for: error).firstMatch(of: /'(ascribe[^']* --help)'/)
      if let name = unknownCommand(help?.1) {
        end("'\(name)' is not a command; see ascribe --help", code.rawValue)
      }
      end(lowercased(message) + (help.map { "; see \($0.1)" } ?? ""), code.rawValue)
    }
  }

  /// The first argument, where the program itself and none of its commands refused it.
  private static func unknownCommand(_ help: Substring?) -> String? {
    guard help == "ascribe --help", let first = CommandLine.arguments.dropFirst().first,
      !first.hasPrefix("-")
    else { return nil }
    return first
  }

  /// A sentence as it goes on behind a colon, without capital letter and full stop.
  private static func lowercased(_ message: String) -> String {
    let text = message.hasSuffix(".") ? String(message.dropLast()) : message
    let isWord = text.dropFirst().first?.isLowercase ?? false
    return isWord ? text.prefix(1).lowercased() + text.dropFirst() : text
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
