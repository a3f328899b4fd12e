"""Makes ``twistd smpp`` known.

Every ``twistd`` on the machine reads this file, so it imports nothing of ours: the module
is named, and imported only when it is chosen.
"""

from twisted.application.service import ServiceMaker

smpp = ServiceMaker("smpp", "twisted_smpp.daemon.tap", "SMPP: message centre and ESME.", "smpp")
