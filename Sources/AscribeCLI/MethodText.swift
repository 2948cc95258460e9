import Ascribe
import Foundation

/// Methods as helps list them.
enum MethodText {
  /// The methods and what each computes.
  ///
  /// - Parameter names: those to list, without their settings; all with theirs where it is nil.
  static func list(_ names: [String]? = nil) -> String {
    let width = 22
    let methods = Method.all.filter { names?.contains($0.name) ?? true }
    let lines = methods.map { method in
      let item = "  \(names == nil ? method.item : method.name)"
      let indent = String(repeating: " ", count: width)
      return item.count < width
        ? item.padding(toLength: width, withPad: " ", startingAt: 0) + method.summary
        : "\(item)\n\(indent)\(method.summary)"
    }
    let list = "Methods:\n" + lines.joined(separator: "\n")
    return names == nil ? "\(list)\n\n\(rules)" : list
  }

  /// What RULE stands for in the settings of a method.
  static let rules = """
    A RULE of ig is one of --quadrature's, as in ig:64:quadrature=midpoint, that of other paths \
    secant, trapezoid or left.
    """
}
