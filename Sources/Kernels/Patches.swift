package import Tensors

/// The parts of a tensor that a convolution multiplies by its weights: one patch for each picture,
/// place of the output and group.
///
/// A patch lists its numbers in the order in which the weights do: channels of the group, then places
/// of the window; those that lie in the padding are 0. So the weights, M/groups x `length` for each
/// group, times a patch give the output at its place.
package struct Patches {
  /// Places of the output in all pictures, numbered in row-major order: N x spatial.
  package let count: Int
  /// Numbers in one patch.
  package let length: Int
  /// The groups that channels are cut into.
  package let groups: Int

  private let source: Tensor
  /// Spatial dimensions, three of them: those that are missing have an extent of 1.
  private let axes: [Axis]

  private struct Axis {
    var extent = 1
    var outputExtent = 1
    var kernel = 1
    var stride = 1
    var dilation = 1
    var pad = 0
  }

  /// The patches of `x` (N x C x spatial, row-major, float32 or float64) under a convolution.
  ///
  /// - Throws: if the window does not fit, or the channels do not split into the groups.
  package init(of x: Tensor, _ parameters: ConvolutionParameters) throws(KernelError) {
    let window = parameters.window
    guard 3...5 ~= x.shape.rank, x.layout == .rowMajor,
      x.elementType == .float32 || x.elementType == .float64
    else { throw KernelError("patches of \(x)") }
    guard parameters.groups > 0, x.shape[1].isMultiple(of: parameters.groups) else {
      throw KernelError("\(x.shape[1]) channels do not split into \(parameters.groups) groups")
    }
    let extents = try window.outputExtents(of: Array(x.shape.dropFirst(2)))
    let missing = [Axis](repeating: Axis(), count: 3 - extents.count)
    axes =
      missing
      + extents.indices.map { axis in
        Axis(
          extent: x.shape[axis + 2], outputExtent: extents[axis], kernel: window.kernel[axis],
          stride: window.strides[axis], dilation: window.dilations[axis],
          pad: window.padsBegin[axis])
      }
    source = x
    groups = parameters.groups
    length = x.shape[1] / groups * window.kernel.reduce(1, *)
    count = x.shape[0] * extents.reduce(1, *)
  }

  /// The patches of a group at these places, as rows.
  ///
  /// - Throws: if a place or the group does not exist.
  package func rows(at places: some Collection<Int>, group: Int) throws(KernelError) -> Matrix {
    guard 0..<groups ~= group, places.allSatisfy({ 0..<count ~= $0 }) else {
      throw KernelError("patches that do not exist")
    }
    var result = try Matrix(rows: places.count, columns: length)
    let places = Array(places)
    result.elements.withUnsafeMutableBufferPointer { target in
      guard let target = target.baseAddress else { return }
      switch source.elementType {
      case .float64: fill(target, places, group, Double.self)
      default: fill(target, places, group, Float.self)
      }
    }
    return result
  }

  private func fill<E: NumericElement & BinaryFloatingPoint>(
    _ target: UnsafeMutablePointer<Double>, _ places: [Int], _ group: Int, _ type: E.Type
  ) {
    let outputs = axes.reduce(1) { $0 * $1.outputExtent }
    source.withElements(as: E.self) { source in
      parallel(places.count, grain: max(1, 16384 / max(length, 1))) { range in
        for index in range {
          let (sample, place) = (places[index] / outputs, places[index] % outputs)
          copyPatch(of: sample, group, at: place, from: source, to: target + index * length)
        }
      }
    }
  }

  @inline(__always)
  private func copyPatch<E: NumericElement & BinaryFloatingPoint>(
    of sample: Int, _ group: Int, at place: Int, from source: UnsafeBufferPointer<E>,
    to target: UnsafeMutablePointer<Double>
  ) {
    let (depth, height, width) = (axes[0], axes[1], axes[2])
    let first = (
      z: place / (height.outputExtent * width.outputExtent) * depth.stride - depth.pad,
      y: place / width.outputExtent % height.outputExtent * height.stride - height.pad,
      x: place % width.outputExtent * width.stride - width.pad
    )
    let channels = self.source.shape[1] / groups
    var target = target
    for channel in 0..<channels {
      let plane = (sample * groups + group) * channels + channel
      for kernelZ in 0..<depth.kernel {
        let z = first.z + kernelZ * depth.dilation
        for kernelY in 0..<height.kernel {
          let y = first.y + kernelY * height.dilation
          let isInside = 0..<depth.extent ~= z && 0..<height.extent ~= y
          let row = ((plane * depth.extent + z) * height.extent + y) * width.extent
          for kernelX in 0..<width.kernel {
            let x = first.x + kernelX * width.dilation
            target[kernelX] =
              isInside && 0..<width.extent ~= x ? Double(source[row + x]) : 0
          }
          target += width.kernel
        }
      }
    }
  }
}
